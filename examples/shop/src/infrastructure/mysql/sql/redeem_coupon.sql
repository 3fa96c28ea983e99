-- primary key of redeemed_coupon; waits for whoever is about to redeem the same one
INSERT IGNORE INTO shop_redeemed_coupon (coupon, order_no) VALUES (?, ?)
