"""The book on paper: its built pages as one PDF, or one a chapter to hand out.

`document` makes one HTML document of built pages, `chromium` prints it, and `python -m cosface_edu.publishing.printing`
runs both. Needs the extra `print` and Chromium.
"""
