"""The edge: REST, the audio socket of the intakes and the socket of the desktops. Everything here is checked input."""
