//! How likely each kind of edit is to be the repair, before anything else is known.
//!
//! The weights are relative. Where they come from: the order of magnitude of one-statement bugs in mined
//! histories (Karampatsis and Sutton, "How Often Do Single-Statement Bugs Occur? The ManySStuBs4J Dataset", 2020:
//! wrong identifiers, literals and calls are by far the most frequent; operators and conditions come next), and
//! the share of fixes that change, add and remove code in BugsInPy (Widyasari et al., 2020). Both count all bugs
//! that people committed; a search is asked about bugs that tests catch, in which operators, off-by-one slips and
//! conditions weigh more, as in the mutants and slips of QuixBugs (Lin et al., 2017). So these are judgements and
//! not measurements. A weight is what one candidate gets whose fit is perfect: kinds that make many candidates a
//! place have small weights, since the same share is spread over more of them.
//!
//! `trust` is the second number: of changes of this kind that pass the tests, how often is it the right one?
//! Removing code and adding guards pass weak suites for the wrong reason (Qi et al., "An Analysis of Patch
//! Plausibility and Correctness for Generate-And-Validate Patch Generation Systems", 2015; Smith et al., "Is the
//! Cure Worse Than the Disease?", 2015), so they must be far likelier than their rivals to be chosen.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $prior:literal, $trust:literal, $says:literal;)*) => {
        /// What kind of change a candidate is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EditKind { $($(#[$doc])* $name,)* }

        impl EditKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// How likely one candidate of this kind is, 0 to 1.
            #[must_use]
            pub fn prior(self) -> f64 { match self { $(Self::$name => $prior,)* } }

            /// How often one that passes is right, 0 to 1.
            #[must_use]
            pub fn trust(self) -> f64 { match self { $(Self::$name => $trust,)* } }

            /// What was wrong, as the start of a sentence.
            #[must_use]
            pub fn says(self) -> &'static str { match self { $(Self::$name => $says,)* } }
        }
    };
}

kinds! {
    /// What an error message asks for.
    Recipe = 1.0, 0.9, "the error message names the cure";
    /// What was accepted before, in code of the same form.
    Remembered = 0.9, 0.85, "this was mended so before";
    /// What a tool makes that checks the code.
    Tool = 1.0, 0.9, "a tool that checks the code can mend it";
    /// What makes a file parse that did not.
    Syntax = 1.0, 0.9, "a file did not parse";
    /// A comparison operator.
    Comparison = 0.9, 0.9, "a comparison was wrong";
    /// `and` for `or`, or the reverse.
    BooleanOperator = 0.8, 0.9, "a boolean operator was wrong";
    /// An arithmetic or bitwise operator.
    Arithmetic = 0.75, 0.9, "an operator was wrong";
    /// The operator of an assignment.
    Augmented = 0.6, 0.85, "an assignment operator was wrong";
    /// A condition the wrong way round.
    Negation = 0.6, 0.85, "a condition was the wrong way round";
    /// One more or one less.
    OffByOne = 0.55, 0.85, "a value was off by one";
    /// A number, truth value or empty container.
    Constant = 0.5, 0.75, "a constant was wrong";
    /// A text.
    TextLiteral = 0.4, 0.75, "a text was wrong";
    /// The wrong name.
    Name = 0.6, 0.85, "the wrong name was used";
    /// Two things in the wrong order.
    Swap = 0.6, 0.85, "two things were in the wrong order";
    /// The wrong method or attribute.
    Attribute = 0.6, 0.85, "the wrong method or attribute was used";
    /// The wrong function.
    Callee = 0.6, 0.85, "the wrong function was called";
    /// A term or operand too many.
    Narrowed = 0.4, 0.8, "an operand was too many";
    /// A term or operand is missing.
    Extended = 0.2, 0.7, "an operand was missing";
    /// A call around a value is missing.
    Wrapped = 0.25, 0.75, "a call was missing around a value";
    /// A call around a value is too many.
    Unwrapped = 0.4, 0.8, "a call was too many around a value";
    /// An argument too many.
    ArgumentDropped = 0.3, 0.75, "an argument was too many";
    /// An argument is missing.
    ArgumentAdded = 0.25, 0.75, "an argument was missing";
    /// A keyword argument is missing or wrong.
    Keyword = 0.3, 0.8, "a keyword argument was missing or wrong";
    /// Another expression of the neighbourhood.
    Expression = 0.2, 0.7, "the wrong expression was used";
    /// A slice or index.
    Slice = 0.35, 0.8, "a slice or an index was wrong";
    /// A part of a condition too many.
    ConditionDropped = 0.35, 0.7, "a part of a condition was too many";
    /// A part of a condition is missing.
    ConditionAdded = 0.2, 0.65, "a part of a condition was missing";
    /// Another condition.
    ConditionReplaced = 0.12, 0.55, "a condition was wrong";
    /// `self.` missing or too many.
    SelfSlip = 0.5, 0.9, "`self.` was missing or too many";
    /// The class of an exception.
    ExceptionType = 0.4, 0.8, "the wrong exception was named";
    /// `return` missing or too many.
    ReturnSlip = 0.5, 0.85, "a `return` was missing or too many";
    /// `yield`, `yield from` and `return` mixed up.
    YieldSlip = 0.4, 0.85, "`yield` and its kin were mixed up";
    /// `break`, `continue`, `return` and `pass` mixed up.
    JumpSlip = 0.4, 0.75, "a jump was of the wrong kind";
    /// `if`, `elif`, `while` and `else` mixed up.
    BranchSlip = 0.4, 0.75, "a branch was of the wrong kind";
    /// A statement too many.
    Deleted = 0.3, 0.45, "a statement was too many";
    /// A statement in the wrong place.
    Moved = 0.4, 0.75, "a statement was in the wrong place";
    /// A statement at the wrong depth of indentation.
    Reindented = 0.5, 0.85, "a statement was at the wrong depth";
    /// A statement is missing that stands nearby.
    Copied = 0.15, 0.5, "a statement was missing";
    /// A statement is missing that is made of names in scope.
    Inserted = 0.2, 0.6, "a statement was missing";
    /// A statement of another form.
    Reformed = 0.2, 0.65, "a statement had the wrong form";
    /// A case at the start of a function is missing.
    Guard = 0.12, 0.45, "a case was not treated";
    /// A statement is to run in some cases only.
    Conditioned = 0.06, 0.4, "a statement ran in too many cases";
    /// A default that is shared between calls.
    SharedDefault = 0.5, 0.9, "a mutable value was shared where each should have its own";
    /// The same change at every place of a function.
    Everywhere = 0.15, 0.75, "the same thing was wrong in several places";
    /// Two changes at once.
    Pair = 0.05, 0.5, "two things were wrong";
}
