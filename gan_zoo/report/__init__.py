"""The comparison report: reads what runs left behind, never imports torch.

``gan_zoo.report.build.build_report`` makes it. Nothing is imported here: a run needs some names of
the report, and not the two seconds that pandas, scipy and matplotlib take.
"""
