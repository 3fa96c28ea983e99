-- primary key of loyalty_points
INSERT INTO loyalty_points (order_no, points) VALUES (?, ?)
ON CONFLICT (order_no) DO UPDATE SET points = points + excluded.points
