//! What histograms give, written by hand, and what holds for all of them.

use proptest::prelude::*;

use super::*;

/// Makes an exponential histogram from the counts of its buckets.
pub(super) fn made(schema: i32, zero: (f64, f64), positive: (i32, &[f64]), negative: (i32, &[f64])) -> Histogram {
    let side = |(first, counts): (i32, &[f64])| Buckets::run(first, counts).expect("a run");
    let (positive, negative) = (side(positive), side(negative));
    let all = [&positive, &negative].into_iter().flat_map(Buckets::iter).map(|(_, n)| n);
    let count = all.sum::<f64>() + zero.1;
    Histogram {
        schema,
        count,
        sum: count / 2.0,
        zero_threshold: zero.0,
        zero_count: zero.1,
        positive,
        negative,
        ..Histogram::default()
    }
}

/// Makes a histogram with given bounds.
pub(super) fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
    let count = counts.iter().sum();
    Histogram {
        schema: CUSTOM_SCHEMA,
        count,
        sum: count / 2.0,
        positive: Buckets::run(0, counts).expect("a run"),
        bounds: Some(bounds.into()),
        ..Histogram::default()
    }
}

fn sum(a: &Histogram, b: &Histogram) -> Histogram {
    let mut sum = a.clone();
    sum.add(b).expect("histograms of one kind");
    sum
}

/// Checks the text of a histogram.
fn check(histogram: &Histogram, text: &str) {
    assert_eq!(histogram.to_string(), text);
    assert_eq!(histogram.flaws(), [], "{text}");
}

#[test]
fn texts_show_the_populated_buckets() {
    let all = made(0, (0.001, 2.0), (0, &[1.0, 0.0, 3.5]), (1, &[2.0, 1.0]));
    check(&all, "{count:9.5, sum:4.75, [-4,-2):1, [-2,-1):2, [-0.001,0.001]:2, (0.5,1]:1, (2,4]:3.5}");
    check(&Histogram::default(), "{count:0, sum:0}");
    check(
        &custom(&[5.0, 10.0], &[1.0, 0.0, 2e6]),
        "{count:2.000001e+06, sum:1.0000005e+06, [-Inf,5]:1, (10,+Inf]:2e+06}",
    );
    check(&made(1, (0.0, 0.0), (1, &[4.0]), (0, &[])), "{count:4, sum:2, (1,1.414213562373095]:4}");
}

#[test]
fn zero_buckets_widen_to_the_end_of_a_populated_bucket() {
    let narrow = made(0, (0.1, 1.0), (-2, &[3.0, 4.0, 2.0]), (0, &[]));
    let wide = made(0, (0.4, 2.0), (-1, &[1.0, 2.0, 3.0, 2.0]), (0, &[]));
    for sum in [sum(&narrow, &wide), sum(&wide, &narrow)] {
        check(&sum, "{count:20, sum:10, [-0.5,0.5]:11, (0.5,1]:4, (1,2]:3, (2,4]:2}");
    }
    // The negative side is wider here, so that the positive one has to be looked at again.
    let both = made(0, (0.1, 1.0), (-1, &[3.0, 4.0, 2.0]), (0, &[5.0]));
    let other = made(0, (0.6, 0.0), (2, &[1.0]), (0, &[]));
    check(&sum(&both, &other), "{count:16, sum:8, [-1,1]:13, (1,2]:2, (2,4]:1}");
    // The wider one has to follow when the other one reaches further: both go to 2, and then to 4.
    let far = made(-1, (0.5, 1.0), (1, &[7.0]), (0, &[]));
    let near = made(0, (1.5, 1.0), (1, &[2.0]), (0, &[]));
    check(&sum(&near, &far), "{count:11, sum:5.5, [-4,4]:11}");
}

#[test]
fn resolutions_meet_at_the_lower_one() {
    let fine = made(2, (0.0, 0.0), (-3, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), (4, &[1.0, 1.0]));
    let coarse = made(0, (0.0, 0.0), (0, &[100.0]), (0, &[]));
    check(&sum(&fine, &coarse), "{count:165, sum:82.5, [-4,-2):1, [-2,-1):1, (0.5,1]:115, (1,2]:48}");
    check(&sum(&coarse, &fine), "{count:165, sum:82.5, [-4,-2):1, [-2,-1):1, (0.5,1]:115, (1,2]:48}");
}

#[test]
fn a_coarse_bucket_keeps_what_the_zero_bucket_took_of_it() {
    let fine = made(1, (0.0, 0.0), (-1, &[3.0, 5.0]), (0, &[]));
    let wide = made(0, (0.75, 1.0), (4, &[1.0]), (0, &[]));
    // The bucket up to 0.7 is in the zero bucket, and in the one up to 1 too, as in Prometheus.
    check(&sum(&wide, &fine), "{count:10, sum:5, [-1,1]:9, (8,16]:1}");
    let fine = made(1, (0.0, 0.0), (-1, &[3.0]), (0, &[]));
    check(&sum(&wide, &fine), "{count:5, sum:2.5, [-0.75,0.75]:4, (0.5,1]:3, (8,16]:1}");
    check(&sum(&fine, &wide), "{count:5, sum:2.5, [-0.75,0.75]:4, (8,16]:1}");
}

#[test]
fn given_bounds_meet_at_the_common_ones() {
    let a = custom(&[1.0, 2.0, 5.0], &[1.0, 2.0, 4.0, 8.0]);
    let b = custom(&[2.0, 3.0, 5.0], &[10.0, 20.0, 40.0, 80.0]);
    let mut both = a.clone();
    assert_eq!(both.add(&b), Ok(Joined { collision: false, reconciled: true }));
    check(&both, "{count:165, sum:82.5, [-Inf,2]:13, (2,5]:64, (5,+Inf]:88}");
    assert_eq!(both.subtract(&a), Ok(Joined { collision: false, reconciled: true }));
    check(&both, "{count:150, sum:75, [-Inf,2]:10, (2,5]:60, (5,+Inf]:80}");
    let mut apart = a.clone();
    apart.add(&custom(&[7.0], &[1.0, 1.0])).expect("both are custom");
    check(&apart, "{count:17, sum:8.5, [-Inf,+Inf]:17}");
    assert_eq!(apart.add(&Histogram::default()), Err(IncompatibleSchemas));
    assert_eq!(Histogram::default().subtract(&apart), Err(IncompatibleSchemas));
}

#[test]
fn hints_are_joined() {
    use Hint::{Gauge, NotReset, Reset, Unknown};
    for (a, b, joined, collision) in [
        (Reset, Reset, Reset, false),
        (NotReset, NotReset, NotReset, false),
        (Reset, NotReset, Unknown, true),
        (Unknown, Reset, Unknown, false),
        (Gauge, Reset, Gauge, false),
        (Gauge, Unknown, Gauge, false),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            assert_eq!(a.joined(b), (joined, collision), "{a:?} {b:?}");
        }
    }
}

#[test]
fn factors_keep_the_layout() {
    let one = Histogram { hint: Hint::Reset, ..made(0, (0.5, 2.0), (1, &[4.0]), (1, &[6.0])) };
    let after = |change: fn(&mut Histogram)| {
        let mut changed = one.clone();
        change(&mut changed);
        (changed.to_string(), changed.hint)
    };
    let text = |text: &str| text.to_owned();
    let halves = text("{count:6, sum:3, [-2,-1):3, [-0.5,0.5]:1, (1,2]:2}");
    assert_eq!(after(|h| h.multiply(0.5)), (halves.clone(), Hint::Reset));
    assert_eq!(after(|h| h.divide(2.0)), (halves, Hint::Reset));
    let negative = text("{count:-12, sum:-6, [-2,-1):-6, [-0.5,0.5]:-2, (1,2]:-4}");
    assert_eq!(after(Histogram::negate), (negative, Hint::Gauge));
    assert_eq!(after(|h| h.multiply(0.0)), (text("{count:0, sum:0}"), Hint::Reset));
    assert_eq!(after(|h| h.divide(0.0)), (text("{count:+Inf, sum:+Inf, [-0.5,0.5]:+Inf}"), Hint::Reset));
    assert_eq!(after(|h| h.divide(-0.0)), (text("{count:-Inf, sum:-Inf, [-0.5,0.5]:-Inf}"), Hint::Reset));
    let mut empty = made(0, (0.5, 0.0), (1, &[4.0]), (0, &[]));
    empty.divide(0.0);
    assert_eq!(empty.to_string(), "{count:+Inf, sum:+Inf, [-0.5,0.5]:NaN}");
}

#[test]
fn equality_is_of_data() {
    let one = made(0, (0.5, 2.0), (1, &[4.0]), (1, &[6.0]));
    let equal = |change: &dyn Fn(&mut Histogram)| {
        let mut other = one.clone();
        change(&mut other);
        one.equals(&other)
    };
    assert!(equal(&|h| h.hint = Hint::Gauge));
    assert!(!equal(&|h| h.sum = f64::NAN));
    assert!(!equal(&|h| h.zero_threshold = 0.25));
    assert!(!equal(&|h| h.schema = 1));
    assert!(!equal(&|h| h.positive = Buckets::run(0, &[4.0]).expect("a run")));
    assert!(!equal(&|h| h.negative = Buckets::default()));
    let nan = Histogram { sum: f64::NAN, ..one.clone() };
    assert!(nan.equals(&nan.clone()));
    assert!(!custom(&[1.0], &[1.0]).equals(&custom(&[2.0], &[1.0])));
}

#[test]
fn compensated_sums_lose_nothing() {
    let side = |n: f64| made(0, (0.5, n), (1, &[n]), (3, &[n]));
    let mut total = Sum::starting(&side(1.0));
    for n in [1e100, 1.0, -1e100] {
        total.add(&side(n)).expect("one kind");
    }
    let (total, _) = total.result();
    assert_eq!(total.to_string(), "{count:6, sum:3, [-8,-4):2, [-0.5,0.5]:2, (1,2]:2}");
}

#[test]
fn compensation_follows_every_change_of_layout() {
    let fine = |n: f64| made(1, (0.0, 0.0), (3, &[n, n]), (3, &[n, n]));
    let mut total = Sum::starting(&fine(1.0));
    total.add(&fine(1e100)).expect("one kind");
    total.add(&fine(1.0)).expect("one kind");
    // Two buckets become one, and then part of the zero bucket.
    total.add(&made(0, (0.0, 0.0), (2, &[-2e100]), (2, &[-2e100]))).expect("one kind");
    let (halfway, _) = total.clone().result();
    assert_eq!(halfway.to_string(), "{count:8, sum:4, [-4,-2):4, (2,4]:4}");
    total.add(&made(0, (3.0, 0.0), (5, &[1.0]), (0, &[]))).expect("one kind");
    let (total, _) = total.result();
    assert_eq!(total.to_string(), "{count:9, sum:4.5, [-4,4]:8, (16,32]:1}");

    let bounds = |n: f64| custom(&[1.0, 2.0], &[n, n, 1.0]);
    let mut total = Sum::starting(&bounds(1.0));
    total.add(&bounds(1e100)).expect("one kind");
    total.add(&bounds(1.0)).expect("one kind");
    total.add(&custom(&[2.0], &[-2e100])).expect("one kind");
    let (total, joined) = total.result();
    assert_eq!(total.to_string(), "{count:6, sum:3, [-Inf,2]:4, (2,+Inf]:3}");
    assert_eq!(joined, Joined { collision: false, reconciled: true });
}

#[test]
fn averages_do_not_overflow() {
    let average = |counts: &[f64]| {
        let of = |n: f64| made(0, (0.5, n), (1, &[n]), (0, &[]));
        let mut average = Average::starting(&of(counts[0]));
        counts[1..].iter().for_each(|n| average.add(&of(*n)).expect("one kind"));
        average.result().0
    };
    assert_eq!(average(&[1.0, 2.0, 6.0]).to_string(), "{count:6, sum:3, [-0.5,0.5]:3, (1,2]:3}");
    let large = average(&[8e307, 8e307, 8e307]).positive.get(1);
    assert!((large / 8e307 - 1.0).abs() < 1e-12, "{large}");
    assert_eq!(average(&[f64::INFINITY, 1.0]).positive.get(1), f64::INFINITY);
    assert_eq!(average(&[1e100, 1.0, -1e100, 2.0]).positive.get(1), 0.75);
}

#[test]
fn hints_of_both_kinds_collide_in_a_sum_whatever_stands_between_them() {
    let with = |hint| Histogram { hint, ..made(0, (0.0, 1.0), (0, &[]), (0, &[])) };
    let collision = |hints: &[Hint]| {
        let mut total = Sum::starting(&with(hints[0]));
        let mut average = Average::starting(&with(hints[0]));
        for hint in &hints[1..] {
            total.add(&with(*hint)).expect("one kind");
            average.add(&with(*hint)).expect("one kind");
        }
        let (total, average) = (total.result().1.collision, average.result().1.collision);
        assert_eq!(total, average);
        total
    };
    assert!(collision(&[Hint::Reset, Hint::NotReset]));
    assert!(collision(&[Hint::Reset, Hint::Unknown, Hint::NotReset]));
    assert!(!collision(&[Hint::Gauge, Hint::Reset, Hint::Unknown]));
}

#[test]
fn resets_are_detected() {
    let before = made(0, (0.5, 2.0), (1, &[4.0, 0.0, 3.0]), (1, &[6.0]));
    let is_reset = |change: &dyn Fn(&mut Histogram)| {
        let mut after = sum(&before, &before);
        change(&mut after);
        after.is_reset_since(&before)
    };
    assert!(!is_reset(&|_| {}));
    assert!(is_reset(&|h| h.hint = Hint::Reset));
    assert!(is_reset(&|h| h.count = 1.0));
    assert!(!is_reset(&|h| (h.count, h.hint) = (1.0, Hint::NotReset)));
    assert!(is_reset(&|h| (h.count, h.hint) = (1.0, Hint::Gauge)));
    assert!(!is_reset(&|h| h.sum = -1.0));
    assert!(is_reset(&|h| h.zero_count = 1.0));
    assert!(is_reset(&|h| h.positive = Buckets::run(1, &[8.0, 5.0, 2.0]).expect("a run")));
    assert!(is_reset(&|h| h.positive = Buckets::run(2, &[5.0, 6.0]).expect("a run")));
    assert!(is_reset(&|h| h.negative = Buckets::default()));
    assert!(is_reset(&|h| h.schema = 1));
    assert!(is_reset(&|h| h.zero_threshold = 0.25));
    // Coarser buckets and a wider zero bucket come without a reset, unless less is counted.
    assert!(!is_reset(&|h| h.lower_resolution(-1)));
    assert!(!is_reset(&|h| (h.zero_threshold, h.zero_count) = (1.0, 2.0)));
    assert!(is_reset(&|h| (h.zero_threshold, h.zero_count) = (1.5, 20.0)), "it ends within a populated bucket");
    assert!(is_reset(&|h| (h.zero_threshold, h.zero_count) = (2.0, 11.0)));
    assert!(!is_reset(&|h| {
        (h.zero_threshold, h.zero_count) = (2.0, 12.0);
        (h.positive, h.negative) = (Buckets::run(3, &[3.0]).expect("a run"), Buckets::default());
    }));
}

#[test]
fn resets_of_given_bounds_are_detected_on_the_common_ones() {
    let is_reset = |after: &Histogram, before: &Histogram| after.is_reset_since(before);
    let before = custom(&[1.0, 2.0, 5.0], &[1.0, 2.0, 4.0, 8.0]);
    assert!(!is_reset(&custom(&[2.0, 5.0], &[3.0, 4.0, 9.0]), &before));
    assert!(is_reset(&custom(&[2.0, 5.0], &[2.0, 9.0, 9.0]), &before));
    assert!(!is_reset(&custom(&[2.0, 3.0, 5.0], &[3.0, 2.0, 2.0, 8.0]), &before));
    assert!(!is_reset(&custom(&[7.0], &[1.0, 14.0]), &before), "all is in one bucket");
    assert!(is_reset(&before, &Histogram::default()));
    assert!(is_reset(&Histogram::default(), &custom(&[1.0], &[])));
}

#[test]
fn histograms_are_made_from_classic_ones() {
    let read = |buckets: &[(f64, f64)], count, sum| {
        Histogram::from_classic(buckets, count, sum).map(|histogram| histogram.to_string())
    };
    let inf = f64::INFINITY;
    let made = Ok("{count:9, sum:4, [-Inf,1]:2, (2,+Inf]:7}".to_owned());
    assert_eq!(read(&[(inf, 9.0), (1.0, 2.0), (2.0, 2.0)], Some(9.0), Some(4.0)), made);
    assert_eq!(
        read(&[(2.0, 2.0), (1.0, 2.0), (2.0, 3.0)], Some(9.0), Some(4.0)),
        made,
        "the first of equal bounds counts"
    );
    assert_eq!(read(&[(1.0, 2.0)], None, None), Ok("{count:2, sum:0, [-Inf,1]:2}".to_owned()));
    assert_eq!(read(&[], Some(3.0), None), Ok("{count:3, sum:0, [-Inf,+Inf]:3}".to_owned()));
    assert_eq!(read(&[], None, Some(3.0)), Ok("{count:0, sum:3}".to_owned()));
    assert_eq!(read(&[(f64::NAN, 1.0)], None, None), Err(ClassicError::Bound));
    assert_eq!(read(&[(1.0, -1.0)], None, None), Err(ClassicError::Negative { le: 1.0, count: -1.0 }));
    assert_eq!(read(&[(1.0, 3.0), (2.0, 2.0)], None, None), Err(ClassicError::Falling { le: 2.0, count: 2.0 }));
    assert_eq!(read(&[(1.0, 3.0), (inf, 4.0)], Some(5.0), None), Err(ClassicError::Count { buckets: 4.0, count: 5.0 }));
}

#[test]
fn flaws_are_found() {
    let flaws = |change: &dyn Fn(&mut Histogram)| {
        let mut changed = made(0, (0.5, 2.0), (1, &[4.0]), (0, &[]));
        change(&mut changed);
        changed.flaws()
    };
    assert_eq!(flaws(&|h| h.schema = 9), [Flaw::Schema(9)]);
    assert_eq!(flaws(&|h| h.bounds = Some([1.0].into())), [Flaw::Bounds]);
    assert_eq!(flaws(&|h| h.schema = CUSTOM_SCHEMA), [Flaw::NoBounds, Flaw::ZeroBucket]);
    assert_eq!(flaws(&|h| h.zero_threshold = -1.0), [Flaw::ZeroThreshold(-1.0)]);
    assert_eq!(flaws(&|h| h.positive = Buckets::run(1026, &[1.0]).expect("a run")), [Flaw::Index(1026)]);
    assert_eq!(flaws(&|h| h.negative = Buckets::run(-1075, &[1.0; 3]).expect("a run")), [Flaw::Index(-1075)]);
    let negative = Histogram { negative: Buckets::run(0, &[1.0]).expect("a run"), ..custom(&[1.0], &[1.0]) };
    assert_eq!(negative.flaws(), [Flaw::NegativeSide]);
    assert_eq!(custom(&[1.0, 1.0, f64::INFINITY], &[]).flaws(), [Flaw::Bound(1.0), Flaw::Bound(f64::INFINITY)]);
    assert_eq!(custom(&[1.0], &[1.0, 1.0, 1.0]).flaws(), [Flaw::Index(2)]);
    assert_eq!(custom(&[], &[1.0]).flaws(), []);
}

/// Exponential histograms of some schemas whose zero buckets have one of some widths. Counts are small whole numbers, so
/// that sums of them are exact.
fn exponential(schemas: impl Strategy<Value = i32>, widths: &'static [f64]) -> impl Strategy<Value = Histogram> {
    let counts = || prop::collection::vec(prop::sample::select(vec![0.0, 0.0, 1.0, 2.0, 7.0, 100.0]), 0..7);
    let width = prop::sample::select(widths);
    (schemas, width, 0..5_u8, (-9..9_i32, counts()), (-9..9_i32, counts())).prop_map(
        |(schema, width, zero, positive, negative)| {
            let mut made = made(schema, (width, f64::from(zero)), (positive.0, &positive.1), (negative.0, &negative.1));
            // Buckets within the zero bucket would be counted twice.
            let outside = |index: i32| made.upper(index) > width;
            let mut sides = [made.positive.clone(), made.negative.clone()];
            sides.iter_mut().for_each(|side| side.keep(outside));
            [made.positive, made.negative] = sides;
            made.count = made.buckets().map(|bucket| bucket.n).sum();
            made
        },
    )
}

/// Any width of a zero bucket.
const WIDTHS: &[f64] = &[0.0, 0.0, 0.001, 0.25, 0.3, 1.0, 3.0];

/// Any histogram with given bounds.
fn with_bounds() -> impl Strategy<Value = Histogram> {
    let bounds = prop::sample::subsequence(vec![-7.0, -1.0, 0.0, 0.5, 1.0, 2.0, 5.0], 0..=7);
    let counts = prop::collection::vec(prop::sample::select(vec![0.0, 1.0, 3.0, 50.0]), 8);
    (bounds, counts).prop_map(|(bounds, counts)| custom(&bounds, &counts[..=bounds.len()]))
}

fn any() -> impl Strategy<Value = Histogram> {
    prop_oneof![exponential(-4..=8_i32, WIDTHS), with_bounds()]
}

/// Two histograms that can be added. Where their resolutions differ, a zero bucket ends where buckets of all do.
fn pair() -> impl Strategy<Value = (Histogram, Histogram)> {
    let schemas = || -4..=8_i32;
    let alike =
        schemas().prop_flat_map(|schema| (exponential(Just(schema), WIDTHS), exponential(Just(schema), WIDTHS)));
    let widths = &[0.0, 1.0];
    prop_oneof![alike, (exponential(schemas(), widths), exponential(schemas(), widths)), (with_bounds(), with_bounds())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_a_sum_does_not_matter((a, b) in pair()) {
        prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        let mut compensated = Sum::starting(&a);
        compensated.add(&b).expect("one kind");
        let (mut compensated, _) = compensated.result();
        compensated.compact();
        prop_assert_eq!(compensated, sum(&a, &b));
    }

    #[test]
    fn sums_are_valid_and_lose_nothing((a, b) in pair()) {
        let sum = sum(&a, &b);
        prop_assert_eq!(sum.flaws(), []);
        let total: f64 = sum.buckets().map(|bucket| bucket.n).sum();
        prop_assert_eq!(total, a.count + b.count, "{} + {} = {}", a, b, sum);
    }

    #[test]
    fn resolution_is_lowered_before_or_after(
        a in exponential(-4..=8_i32, &[0.0]),
        b in exponential(-4..=8_i32, &[0.0]),
        schema in -4..=8_i32,
    ) {
        let lowered = |histogram: &Histogram| {
            let mut lowered = histogram.clone();
            lowered.lower_resolution(schema.min(a.schema).min(b.schema));
            lowered
        };
        prop_assert_eq!(lowered(&sum(&a, &b)), sum(&lowered(&a), &lowered(&b)));
    }

    #[test]
    fn nothing_is_left_of_a_histogram_without_itself(a in any()) {
        let mut rest = a.clone();
        rest.subtract(&a).expect("one kind");
        prop_assert!(rest.positive.is_empty() && rest.negative.is_empty());
        prop_assert_eq!((rest.count, rest.sum, rest.zero_count), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_histogram_that_grows_is_no_reset((a, b) in pair()) {
        prop_assert!(!sum(&a, &b).is_reset_since(&a));
        prop_assert!(a.is_reset_since(&sum(&a, &b)) == (b.count > 0.0 || a.schema > b.schema || a.zero_threshold < sum(&a, &b).zero_threshold));
    }

    #[test]
    fn quantiles_and_fractions_are_inverse(a in any(), q in 0.001..0.999_f64) {
        prop_assume!(a.count > 0.0);
        let (value, told) = a.quantile(q);
        prop_assert_eq!(told, None);
        let (fraction, _) = a.fraction(f64::NEG_INFINITY, value);
        // A quantile in a bucket without an end is a bound, and given bounds below zero are read as zero.
        let within = a.buckets().find(|bucket| bucket.lower < value && value < bucket.upper);
        let finite = |bucket: &Bucket| bucket.lower.is_finite() && bucket.upper.is_finite();
        let clipped = |bucket: &Bucket| a.is_custom() && bucket.lower < 0.0 && bucket.upper >= 0.0;
        if within.is_some_and(|bucket| finite(&bucket) && !clipped(&bucket)) {
            prop_assert!((fraction - q).abs() < 1e-9, "{} of {}: {} {}", q, a, value, fraction);
        }
    }

    #[test]
    fn quantiles_rise(a in any(), p in 0.0..1.0_f64, q in 0.0..1.0_f64) {
        prop_assume!(a.count > 0.0);
        let (low, high) = (a.quantile(p.min(q)).0, a.quantile(p.max(q)).0);
        prop_assert!(low <= high + high.abs() * 1e-12, "{} of {}: {} {}", a, p, low, high);
    }

    #[test]
    fn both_parts_of_a_trim_are_the_whole(a in any(), at in -20.0..20.0_f64) {
        let part = |keep| {
            let mut part = a.clone();
            part.trim(keep, at);
            part
        };
        let (below, above) = (part(Keep::Below), part(Keep::Above));
        // Of a bucket without an end both parts, or none, may be kept.
        let open = a.buckets().any(|bucket| (bucket.lower < at && at < bucket.upper) && !(bucket.lower.is_finite() && bucket.upper.is_finite()));
        if !open {
            prop_assert!((below.count + above.count - a.count).abs() < 1e-9 * a.count.max(1.0), "{} at {}: {} {}", a, at, below, above);
        }
        prop_assert!(below.count <= a.count * (1.0 + 1e-12) && above.count <= a.count * (1.0 + 1e-12));
        prop_assert_eq!(below.schema, a.schema);
    }
}
