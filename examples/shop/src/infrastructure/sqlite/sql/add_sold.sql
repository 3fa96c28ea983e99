-- primary key of best_seller
INSERT INTO best_seller (product, sold) VALUES (?, ?)
ON CONFLICT (product) DO UPDATE SET sold = sold + excluded.sold
