//! Methods that are compiled with instructions beyond those of the build.

/// Implements an operator by an intrinsic on each register.
macro_rules! operator {
    ($trait:ident, $method:ident, $vector:ident, $intrinsic:ident) => {
        operator! { $trait, $method, $vector, |x, y| $intrinsic(x, y) }
    };
    ($trait:ident, $method:ident, $vector:ident, $intrinsic:ident, $($register:literal)+) => {
        operator! { $trait, $method, $vector, |x, y| [$($intrinsic(x[$register], y[$register])),+] }
    };
    ($trait:ident, $method:ident, $vector:ident, |$x:ident, $y:ident| $result:expr) => {
        impl $trait for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ($x, $y) = (self.0, other.0);
                // SAFETY: the operands were made with an instruction set, which is the proof that the CPU has it.
                Self(unsafe { $result })
            }
        }
    };
}

/// Implements a trait for an instruction set by methods that are compiled with the features: intrinsics are safe in them.
/// What follows `inline` is the trait's as it stands.
macro_rules! methods {
    (
        #[target_feature(enable = $features:literal)]
        impl $trait:ident for $set:ident {
            $(const $constant:ident: $of:ty = $value:expr;)*
            $(type $associated:ident = $vector:ty;)*
            $(
                $(#[$attribute:meta])*
                fn $name:ident $(<const $n:ident: u32>)? ($self:ident $(, $argument:ident: $type:ty)*) -> $output:ty $body:block
            )*
            $(inline { $($inlined:tt)* })?
        }
    ) => {
        impl $set {
            $(
                $(#[$attribute])*
                #[inline]
                #[target_feature(enable = $features)]
                fn $name $(<const $n: u32>)? ($self $(, $argument: $type)*) -> $output $body
            )*
        }

        impl $trait for $set {
            $(const $constant: $of = $value;)*
            $(type $associated = $vector;)*
            $(
                $(#[$attribute])*
                #[inline(always)]
                fn $name $(<const $n: u32>)? ($self $(, $argument: $type)*) -> $output {
                    // SAFETY: a value of the set is the proof that the CPU has these features.
                    unsafe { $set::$name $(::<$n>)? ($self $(, $argument)*) }
                }
            )*
            $($($inlined)*)?
        }
    };
}
