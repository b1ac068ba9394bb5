"""What a run leaves behind: its record, the terminal summary, the HTML page, and the bridge to Allure and JUnit.

``run`` is the model that all the others read. Nothing here decides an outcome and nothing here sees a secret: what arrives
was judged and redacted before.
"""
