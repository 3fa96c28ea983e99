-- primary key of best_seller
INSERT INTO shop_best_seller (product, sold) VALUES (?, ?)
ON DUPLICATE KEY UPDATE sold = sold + VALUES(sold)
