"""Write a run's generator for other programs: python export.py RUN_DIR [key=value ...]"""

from gan_zoo.export import main

if __name__ == "__main__":
    main()
