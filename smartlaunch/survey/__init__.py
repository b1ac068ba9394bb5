"""What thousands of endpoints say of themselves: the rules on the SMART configuration, put to many servers without any login."""
