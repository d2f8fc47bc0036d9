//! Many short lists in one piece of memory: the edges of each node.

/// A list for each number. One that grows moves to the end; what it leaves is taken back once it is half of all.
#[derive(Clone, Debug)]
pub(super) struct Lists<T> {
    runs: Vec<(u32, u32)>,
    pool: Vec<T>,
    used: usize,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { runs: Vec::new(), pool: Vec::new(), used: 0 }
    }
}

impl<T: Copy> Lists<T> {
    pub(super) fn get(&self, at: u32) -> &[T] {
        let (from, len) = self.runs.get(at as usize).copied().unwrap_or_default();
        self.pool.get(from as usize..from as usize + len as usize).unwrap_or_default()
    }

    pub(super) fn set(&mut self, at: u32, list: &[T]) {
        if self.runs.len() <= at as usize {
            self.runs.resize(at as usize + 1, (0, 0));
        }
        let (from, len) = self.runs[at as usize];
        self.used = self.used - len as usize + list.len();
        if list.len() <= len as usize {
            self.pool[from as usize..from as usize + list.len()].copy_from_slice(list);
            self.runs[at as usize].1 = list.len() as u32;
        } else {
            self.runs[at as usize] = (self.pool.len() as u32, list.len() as u32);
            self.pool.extend_from_slice(list);
        }
        if self.pool.len() > 1024 && self.used < self.pool.len() / 2 {
            self.pack();
        }
    }

    /// Everything in its order, with nothing between.
    fn pack(&mut self) {
        let mut pool = Vec::with_capacity(self.used);
        for run in &mut self.runs {
            let from = pool.len() as u32;
            pool.extend_from_slice(&self.pool[run.0 as usize..(run.0 + run.1) as usize]);
            run.0 = from;
        }
        self.pool = pool;
    }

    /// All lists at once, from pairs in the order of the numbers.
    pub(super) fn of(count: usize, pairs: impl Iterator<Item = (u32, T)>) -> Self {
        let mut lists = Self { runs: vec![(0, 0); count], ..Self::default() };
        for (at, item) in pairs {
            let run = &mut lists.runs[at as usize];
            if run.1 == 0 {
                run.0 = lists.pool.len() as u32;
            }
            run.1 += 1;
            lists.pool.push(item);
        }
        lists.used = lists.pool.len();
        lists
    }

    /// Changes every item where it stands.
    pub(super) fn each(&mut self, change: impl FnMut(&mut T)) {
        self.pool.iter_mut().for_each(change);
    }

    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.pool.capacity() * size_of::<T>() + self.runs.capacity() * size_of::<(u32, u32)>()
    }
}
