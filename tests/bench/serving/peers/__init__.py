"""What is measured, one small file each; `table.py` says how each is started."""
