"""Reading tables of any size: listings, filters, keyset pages, counts, single rows."""
