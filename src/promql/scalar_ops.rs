//! The binary operators on two values.

use crate::promql::ast::BinaryOp;

use super::maths::split;

/// Evaluates `+ - * / % ^ atan2`, with Go's special values; a comparison gives 1 or 0, all others NaN.
///
/// Source: promql.md 8.5; Prometheus' `scalarBinop`.
#[inline]
pub(crate) fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => power(a, b),
        BinaryOp::Atan2 => a.atan2(b),
        op if op.is_comparison() => f64::from(u8::from(compare(op, a, b))),
        _ => f64::NAN,
    }
}

/// Evaluates `== != < <= > >=`; every other operator is false.
#[inline]
pub(crate) fn compare(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        _ => false,
    }
}

/// Returns the comparison that holds for two values where this one holds for them the other way round.
pub(crate) fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        op => op,
    }
}

/// The exponents from which Go's `Pow` leaves its loop.
const HUGE_EXPONENT: f64 = (1u64 << 63) as f64;

/// Raises to a power in the order of operations of Go's `math.Pow`: the whole part by squaring, the rest by exp and ln.
fn power(x: f64, y: f64) -> f64 {
    let special = x == 0.0 || x == 1.0 || !x.is_finite() || !y.is_finite() || y == 0.0;
    if special || x < 0.0 && y.fract() != 0.0 || y.abs() >= HUGE_EXPONENT {
        // C's special values, which are Go's.
        return x.powf(y);
    }
    if y == 1.0 {
        return x;
    }
    if y.abs() == 0.5 {
        return if y > 0.0 { x.sqrt() } else { 1.0 / x.sqrt() };
    }
    let (mut whole, mut rest) = (y.abs().trunc(), y.abs().fract());
    let mut fraction = 1.0;
    let mut exponent: i64 = 0;
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        fraction = (rest * x.ln()).exp();
    }
    let (mut base, base_exponent) = split(x);
    let mut base_exponent = i64::from(base_exponent);
    let mut left = whole as u64;
    while left != 0 {
        if base_exponent.abs() > 1 << 12 {
            // The result is zero or infinite whatever follows.
            exponent += base_exponent;
            break;
        }
        if left & 1 == 1 {
            fraction *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent *= 2;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 {
        fraction = 1.0 / fraction;
        exponent = -exponent;
    }
    scale(fraction, exponent)
}

/// Multiplies by a power of two, rounding once.
fn scale(fraction: f64, exponent: i64) -> f64 {
    let (fraction, own) = split(fraction);
    let exponent = (exponent + i64::from(own)).clamp(-1200, 1200) as i32;
    if exponent < -1021 {
        return fraction * power_of_two(exponent + 100) * power_of_two(-100);
    }
    fraction * power_of_two(exponent - 1) * 2.0
}

/// Returns 2 to a power: exactly where it is a normal number, else 0 or infinity.
fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        1024.. => f64::INFINITY,
        -1022..1024 => f64::from_bits(((exponent + 1023) as u64) << 52),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: f64, op: BinaryOp, b: f64, expected: f64) {
        let got = arithmetic(op, a, b);
        let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
        assert!(same, "{a} {} {b} is {got}, not {expected}", op.symbol());
    }

    #[test]
    fn remainders_have_the_sign_of_the_left_side() {
        check(-7.0, BinaryOp::Mod, 3.0, -1.0);
        check(-3.0, BinaryOp::Mod, 3.0, -0.0);
        check(7.0, BinaryOp::Mod, f64::INFINITY, 7.0);
        check(f64::INFINITY, BinaryOp::Mod, 7.0, f64::NAN);
        check(7.0, BinaryOp::Mod, 0.0, f64::NAN);
        check(5.5, BinaryOp::Mod, -2.0, 1.5);
    }

    #[test]
    fn powers_have_the_special_values_of_go() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (a, b, expected) in [
            (nan, 0.0, 1.0),
            (1.0, nan, 1.0),
            (nan, 2.0, nan),
            (0.0, -3.0, inf),
            (-0.0, -3.0, -inf),
            (-0.0, -2.0, inf),
            (-0.0, 3.0, -0.0),
            (-0.0, 2.5, 0.0),
            (-1.0, inf, 1.0),
            (-1.0, -inf, 1.0),
            (0.5, inf, 0.0),
            (2.0, -inf, 0.0),
            (-inf, 3.0, -inf),
            (-inf, -3.0, -0.0),
            (inf, -1.0, 0.0),
            (-8.0, 1.0 / 3.0, nan),
            (-2.0, 3.0, -8.0),
            (-2.0, -1.0, -0.5),
            (10.0, 308.0, 1.0000000000000006e308),
            (10.0, 309.0, inf),
            (2.0, -1074.0, 5e-324),
            (2.0, -1080.0, 0.0),
            (2.0, 1023.0, 2.0f64.powi(1023)),
            (-2.0, 1025.0, -inf),
            (4.0, -0.5, 0.5),
            (2.0, 1e300, inf),
            (-1.0, 1e300, 1.0),
        ] {
            check(a, BinaryOp::Pow, b, expected);
        }
    }

    #[test]
    fn comparisons_with_nan_are_false_but_for_not_equal() {
        check(f64::NAN, BinaryOp::Equal, f64::NAN, 0.0);
        check(f64::NAN, BinaryOp::NotEqual, f64::NAN, 1.0);
        check(1.0, BinaryOp::GreaterEqual, 1.0, 1.0);
        check(-0.0, BinaryOp::Less, 0.0, 0.0);
    }

    #[test]
    fn division_by_zero_is_infinite() {
        check(1.0, BinaryOp::Div, -0.0, f64::NEG_INFINITY);
        check(0.0, BinaryOp::Div, 0.0, f64::NAN);
        check(1.0, BinaryOp::Atan2, 0.0, std::f64::consts::FRAC_PI_2);
    }
}
