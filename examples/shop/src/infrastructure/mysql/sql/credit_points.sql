-- primary key of loyalty_points
INSERT INTO shop_loyalty_points (order_no, points) VALUES (?, ?)
ON DUPLICATE KEY UPDATE points = points + VALUES(points)
