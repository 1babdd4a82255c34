//! Arithmetic on single values: functions of one argument, rounding, clamping.
//!
//! Special values are Go's; exponentials, logarithms and trigonometry may differ from Go's in the last bit.

use std::f64::consts::{LN_2, LOG2_E, LOG10_2, PI};

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MathFn {
    Abs,
    Ceil,
    Floor,
    Exp,
    Sqrt,
    Ln,
    Log2,
    Log10,
    Sgn,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Deg,
    Rad,
    /// Unary minus, which has no name.
    Neg,
}

/// Replaces every value by the function of it.
pub(crate) fn apply(function: MathFn, values: &mut [f64]) {
    match function {
        MathFn::Abs => each(values, f64::abs),
        MathFn::Ceil => each(values, f64::ceil),
        MathFn::Floor => each(values, f64::floor),
        MathFn::Exp => each(values, f64::exp),
        MathFn::Sqrt => each(values, f64::sqrt),
        MathFn::Ln => each(values, f64::ln),
        MathFn::Log2 => each(values, log2),
        MathFn::Log10 => each(values, |x| log2(x) * LOG10_2),
        MathFn::Sgn => each(values, sign),
        MathFn::Sin => each(values, f64::sin),
        MathFn::Cos => each(values, f64::cos),
        MathFn::Tan => each(values, f64::tan),
        MathFn::Asin => each(values, f64::asin),
        MathFn::Acos => each(values, f64::acos),
        MathFn::Atan => each(values, f64::atan),
        MathFn::Sinh => each(values, sinh),
        MathFn::Cosh => each(values, cosh),
        MathFn::Tanh => each(values, f64::tanh),
        MathFn::Asinh => each(values, asinh),
        MathFn::Acosh => each(values, acosh),
        MathFn::Atanh => each(values, f64::atanh),
        MathFn::Deg => each(values, |x| x * 180.0 / PI),
        MathFn::Rad => each(values, |x| x * PI / 180.0),
        MathFn::Neg => each(values, |x| -x),
    }
}

#[inline]
fn each(values: &mut [f64], function: impl Fn(f64) -> f64) {
    for x in values {
        *x = function(*x);
    }
}

/// Keeps zeros and NaN as they are.
fn sign(x: f64) -> f64 {
    if x < 0.0 {
        -1.0
    } else if x > 0.0 {
        1.0
    } else {
        x
    }
}

/// From here on `asinh` and `acosh` are the logarithm of twice the value, to the last bit.
const LARGE: f64 = (1u64 << 28) as f64;

/// The standard library's doubles the value before it takes the logarithm, which overflows.
fn asinh(x: f64) -> f64 {
    if x.abs() > LARGE { (x.abs().ln() + LN_2).copysign(x) } else { x.asinh() }
}

/// Go halves the power where the other one is too small to count, so that it overflows before the result would.
fn sinh(x: f64) -> f64 {
    if x.abs() > 21.0 { (x.abs().exp() * 0.5).copysign(x) } else { x.sinh() }
}

/// As [`sinh`].
fn cosh(x: f64) -> f64 {
    if x.abs() > 21.0 { x.abs().exp() * 0.5 } else { x.cosh() }
}

/// As [`asinh`].
fn acosh(x: f64) -> f64 {
    if x > LARGE { x.ln() + LN_2 } else { x.acosh() }
}

/// Takes the logarithm as Go does, by exponent and fraction, so that powers of two are exact.
fn log2(x: f64) -> f64 {
    let (fraction, exponent) = split(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    fraction.ln() * LOG2_E + f64::from(exponent)
}

/// Splits a value into a fraction in `[0.5, 1)` (or its negative) and a power of two; zeros, infinities and NaN are
/// their own fraction.
pub(super) fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    // A subnormal is scaled up first, so that its exponent can be read.
    let (x, below) = if x.abs() < f64::MIN_POSITIVE { (x * (1u64 << 52) as f64, 52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent - below)
}

/// Returns the smaller value as Go's `math.Min` does: -Inf before NaN before numbers, and -0 is less than +0.
///
/// Source: Go's `math` package; `min_of` and `clamp` are made of it.
#[inline]
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { a } else { b }
    } else if a < b {
        a
    } else {
        b
    }
}

/// Returns the larger value as Go's `math.Max` does: +Inf before NaN before numbers, and +0 is more than -0.
#[inline]
pub(crate) fn max(a: f64, b: f64) -> f64 {
    -min(-a, -b)
}

/// Clamps every value, NaN staying NaN. With `most < least` there is no result: the caller clears presence.
///
/// Source: promql.md 8.5.
pub(crate) fn clamp(values: &mut [f64], least: f64, most: f64) {
    each(values, |x| max(least, min(most, x)));
}

/// Clamps every value from below.
pub(crate) fn clamp_min(values: &mut [f64], least: f64) {
    clamp(values, least, f64::INFINITY);
}

/// Clamps every value from above.
pub(crate) fn clamp_max(values: &mut [f64], most: f64) {
    clamp(values, f64::NEG_INFINITY, most);
}

/// Rounds every value to a multiple of `to_nearest`, halves upwards.
pub(crate) fn round(values: &mut [f64], to_nearest: f64) {
    let inverse = 1.0 / to_nearest;
    each(values, |x| (x * inverse + 0.5).floor() / inverse);
}

/// Formats the shortest decimal that reads back as the value, never with an exponent: `NaN`, `+Inf`, `-Inf`, `100000`.
///
/// Source: Go's `strconv.FormatFloat(v, 'f', -1, 64)`, as `count_values` uses it.
pub(crate) fn format_float(v: f64) -> String {
    if v == f64::INFINITY {
        "+Inf".to_owned()
    } else if v == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        v.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(function: MathFn, x: f64, expected: f64) {
        let mut got = [x];
        apply(function, &mut got);
        let same = got[0].to_bits() == expected.to_bits() || got[0].is_nan() && expected.is_nan();
        assert!(same, "{function:?}({x}) is {}, not {expected}", got[0]);
    }

    #[test]
    fn special_values_are_kept() {
        check(MathFn::Sgn, -0.0, -0.0);
        check(MathFn::Sgn, f64::NAN, f64::NAN);
        check(MathFn::Sgn, f64::NEG_INFINITY, -1.0);
        check(MathFn::Abs, -0.0, 0.0);
        check(MathFn::Ceil, -0.5, -0.0);
        check(MathFn::Ln, 0.0, f64::NEG_INFINITY);
        check(MathFn::Ln, -1.0, f64::NAN);
        check(MathFn::Log2, 0.0, f64::NEG_INFINITY);
        check(MathFn::Log2, f64::INFINITY, f64::INFINITY);
        check(MathFn::Log10, -1.0, f64::NAN);
        check(MathFn::Sqrt, -1.0, f64::NAN);
        check(MathFn::Acosh, 0.5, f64::NAN);
        check(MathFn::Atanh, -1.0, f64::NEG_INFINITY);
        check(MathFn::Atanh, 2.0, f64::NAN);
        check(MathFn::Exp, f64::NEG_INFINITY, 0.0);
    }

    #[test]
    fn logarithms_go_by_powers_of_two() {
        check(MathFn::Log2, 8.0, 3.0);
        check(MathFn::Log2, 5e-324, -1074.0);
        check(MathFn::Log10, 100.0, 2.0);
        check(MathFn::Log10, 1000.0, 3.0);
    }

    #[test]
    fn angles_are_converted() {
        check(MathFn::Deg, PI, 180.0);
        check(MathFn::Rad, 180.0, PI);
    }

    #[test]
    fn clamping_keeps_nan() {
        let mut values = [-5.0, 5.0, f64::NAN, 0.5];
        clamp(&mut values, 0.0, 1.0);
        assert_eq!((values[0], values[1], values[3]), (0.0, 1.0, 0.5));
        assert!(values[2].is_nan());
        clamp_min(&mut values, 1.0);
        assert!(values[2].is_nan() && values[0] == 1.0);
        clamp_max(&mut values, f64::NAN);
        assert!(values[0].is_nan());
        assert_eq!(max(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert_eq!(min(f64::NAN, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(max(-0.0, 0.0).to_bits(), 0.0f64.to_bits());
        assert_eq!(min(0.0, -0.0).to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    fn halves_are_rounded_up() {
        let mut values = [2.5, -2.5, 0.49];
        round(&mut values, 1.0);
        assert_eq!(values, [3.0, -2.0, 0.0]);
        let mut values = [0.17];
        round(&mut values, 0.05);
        assert_eq!(values, [0.15]);
        let mut values = [1.0];
        round(&mut values, 0.0);
        assert!(values[0].is_nan());
    }

    #[test]
    fn floats_are_formatted_like_go() {
        for (v, expected) in [
            (1e21, "1000000000000000000000"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e-7, "0.0000001"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (5.0, "5"),
        ] {
            assert_eq!(format_float(v), expected);
        }
    }

    #[test]
    fn large_values_do_not_overflow_on_the_way() {
        check(MathFn::Asinh, 1e308, 709.889_355_822_726);
        check(MathFn::Asinh, -1e308, -709.889_355_822_726);
        check(MathFn::Acosh, 1e308, 709.889_355_822_726);
        check(MathFn::Acosh, f64::INFINITY, f64::INFINITY);
        check(MathFn::Acosh, 0.5, f64::NAN);
    }
}
