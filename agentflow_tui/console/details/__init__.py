"""What stands in the tabs of a row's detail, table by table. Lines of pieces, nothing else."""
