"""What Tandem's tests are made of, shipped so that others can test their own set-up with it."""
