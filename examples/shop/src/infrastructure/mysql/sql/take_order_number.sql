-- appends; for a number nobody waits, and that of an order that comes to nothing is left out
INSERT INTO shop_order_number () VALUES ()
