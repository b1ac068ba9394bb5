"""From nothing to a target: what is known of public sandboxes, the questions, the file, the sheet to register an app by, one launch told.

Nothing here judges a server. What it knows of a vendor is data, in ``sandboxes``, with a source or marked as not verified.
"""
