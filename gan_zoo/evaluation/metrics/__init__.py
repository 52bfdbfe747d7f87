"""One file per metric: its declaration, how it is applied, and its formula."""
