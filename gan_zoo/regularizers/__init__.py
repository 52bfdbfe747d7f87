"""What keeps a critic in check: penalties added to D's loss, constraints after D's update."""
