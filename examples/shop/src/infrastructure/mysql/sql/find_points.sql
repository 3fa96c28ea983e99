-- primary key of loyalty_points
SELECT points FROM shop_loyalty_points WHERE order_no = ?
