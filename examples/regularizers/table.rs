//! The figures of all recipes in words.

use super::Measured;
use super::statistics::{ACCURACY, Change, LOSS, Sample};

/// A line for each recipe, and how the variance that batch normalisation reads has shifted.
pub fn print(measured: &[Measured]) {
    println!("{:<31}{:>8}{:>16}{:>16}   {:<26}{:<20}{:<20}", "", "train", "test", "test", "", "change of", "change of");
    println!("{:<31}{:>8}{:>16}{:>16}   {:<26}{:<20}{:<20}", "", "accuracy", "accuracy", "loss", "against", "accuracy", "loss");
    for Measured { recipe, outcomes } in measured {
        let train: Vec<f64> = outcomes.iter().map(|outcome| outcome.train.accuracy).collect();
        let [accuracy, loss] = [ACCURACY, LOSS].map(|figure| {
            let Sample { mean, deviation, .. } = Sample::of_test(figure, outcomes);
            format!("{mean:.3} ± {deviation:.3}")
        });
        print!("{:<31}{:>8.3}{accuracy:>16}{loss:>16}", recipe.name, Sample::of(&train).mean);
        if let Some(against) = recipe.against {
            let before = measured.iter().find(|measured| measured.recipe.name == against).expect("it comes first");
            let [accuracy, loss] = [ACCURACY, LOSS].map(|figure| {
                let change = Change::between(figure, &before.outcomes, outcomes);
                format!("{:+.3} ± {:.3}{}", change.mean, change.error, if change.is_clear() { " *" } else { "" })
            });
            print!("   {against:<26}{accuracy:<20}{loss:<20}");
        }
        println!();
    }
    println!(
        "\n± in the test columns: standard deviation over the seeds. ± of a change: standard error over seeds and test images."
    );
    println!("*: more than three standard errors.\n");
    for Measured { recipe, outcomes } in measured {
        let shifts: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.variance_shift).map(f64::from).collect();
        if !shifts.is_empty() {
            let Sample { mean, deviation, .. } = Sample::of(&shifts);
            println!(
                "{}: on the test images, what batch norm reads has {mean:.2} ± {deviation:.2} times its variance in training",
                recipe.name
            );
        }
    }
}
