-- primary key of loyalty_points
INSERT INTO shop.loyalty_points AS loyalty_points (order_no, points) VALUES ($1, $2)
ON CONFLICT (order_no) DO UPDATE SET points = loyalty_points.points + excluded.points
