-- primary key of loyalty_points
SELECT points FROM loyalty_points WHERE order_no = ?
