"""The recurrent next-item model: windows of purchases, the network, its training and its inference."""
