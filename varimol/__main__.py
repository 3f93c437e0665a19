"""``python -m varimol`` is the command ``varimol``."""

from varimol.cli import main

if __name__ == "__main__":
    main()
