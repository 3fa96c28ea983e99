-- primary key of loyalty_points
SELECT points FROM shop.loyalty_points WHERE order_no = $1
