"""Starts the page: run `python app.py`, then open the address it prints."""

from resnet_demo.ui.app import main

if __name__ == "__main__":
    main()
