"""Each hot stage against what a user would take otherwise, in one run: `bash run.sh benchmark NAME`."""
