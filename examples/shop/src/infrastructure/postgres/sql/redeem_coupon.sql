-- primary key of redeemed_coupon; waits for whoever is about to redeem the same one
INSERT INTO shop.redeemed_coupon (coupon, order_no) VALUES ($1, $2) ON CONFLICT (coupon) DO NOTHING
