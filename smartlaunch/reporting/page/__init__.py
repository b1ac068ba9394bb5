"""The parts of the HTML page, a module each; every text that came from a server is made safe on its way in."""
