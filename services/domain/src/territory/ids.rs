//! The ids of territories: their positions in the table.

macro_rules! dense_id {
    ($(#[$about:meta])* $name:ident, $index:ty) => {
        $(#[$about])*
        ///
        /// Dense from 0, in the order of the codes; it stays the same for one [`super::Communes::fingerprint`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) $index);

        impl $name {
            /// The largest index that an id can have.
            pub const MAX: $index = <$index>::MAX;

            pub(super) fn from_position(position: usize) -> Option<Self> {
                <$index>::try_from(position).ok().map(Self)
            }

            /// The position in the table, from 0.
            #[must_use]
            pub fn index(self) -> $index {
                self.0
            }
        }
    };
}

dense_id!(
    /// A commune of today or a municipal arrondissement.
    CommuneId,
    u16
);
dense_id!(
    /// A department, or an overseas collectivity that counts as one.
    DepartmentId,
    u8
);
dense_id!(
    /// A region, or an overseas collectivity that counts as one.
    RegionId,
    u8
);
dense_id!(
    /// A group of communes with its own taxes (EPCI à fiscalité propre).
    EpciId,
    u16
);

impl CommuneId {
    pub(super) fn position(self) -> usize {
        usize::from(self.0)
    }
}
