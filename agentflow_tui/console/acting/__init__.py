"""From a key to changed rows: what is aimed at, what is asked, what is said afterwards."""
