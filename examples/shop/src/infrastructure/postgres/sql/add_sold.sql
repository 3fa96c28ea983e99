-- primary key of best_seller
INSERT INTO shop.best_seller AS best_seller (product, sold) VALUES ($1, $2)
ON CONFLICT (product) DO UPDATE SET sold = best_seller.sold + excluded.sold
