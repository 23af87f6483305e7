//! What the cases share: the browser, servers, and data to look at.

pub(crate) mod attack;
pub(crate) mod attacked;
pub(crate) mod browser;
pub(crate) mod case;
pub(crate) mod driver;
pub(crate) mod shop;
pub(crate) mod shop_history;
pub(crate) mod shop_stats;
pub(crate) mod site;
pub(crate) mod webdriver;
pub(crate) mod witness;
