"""Reports in a mailbox: IMAP, rules of vendors, attachments. Without a database."""
