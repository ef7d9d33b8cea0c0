"""The bars around every view: title, tabs, news, outage, keys, bulk follow-up."""
