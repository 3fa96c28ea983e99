-- primary key of redeemed_coupon
INSERT INTO redeemed_coupon (coupon, order_no) VALUES (?, ?) ON CONFLICT (coupon) DO NOTHING
