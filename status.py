"""How far the runs of a sweep are: python status.py DIR [DIR ...]"""

from gan_zoo.status import main

if __name__ == "__main__":
    main()
