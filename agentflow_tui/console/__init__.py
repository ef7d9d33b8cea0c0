"""The Textual application: screens, widgets and the loop that keeps them fresh. No SQL here."""
