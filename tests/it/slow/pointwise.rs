//! Functions of one number.

/// Returns the function with a name.
pub(crate) fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => |value| if value.abs() > 21.0 { (value.abs().exp() * 0.5).copysign(value) } else { value.sinh() },
        "cosh" => |value| if value.abs() > 21.0 { value.abs().exp() * 0.5 } else { value.cosh() },
        "tanh" => f64::tanh,
        "asinh" => |value| if value.abs() <= LARGE { value.asinh() } else { value.signum() * acosh(value.abs()) },
        "acosh" => acosh,
        "atanh" => f64::atanh,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "sgn" => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        _ => return None,
    })
}

/// From here on these are the logarithm of twice the number.
const LARGE: f64 = (1 << 28) as f64;

/// Inverse hyperbolic cosine; of large numbers twice the number is not taken, which might overflow.
fn acosh(value: f64) -> f64 {
    if value <= LARGE { value.acosh() } else { value.ln() + std::f64::consts::LN_2 }
}

/// Returns the larger number; an infinity wins over NaN, NaN over all others, +0 over -0.
///
/// Source: Go's `math.Max`.
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Returns the smaller number; a negative infinity wins over NaN, NaN over all others, -0 over +0.
///
/// Source: Go's `math.Min`.
pub(crate) fn min(a: f64, b: f64) -> f64 {
    -max(-a, -b)
}
