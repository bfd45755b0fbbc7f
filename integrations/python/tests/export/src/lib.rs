//! The model of the tests of all integrations, with a start of its network's weights.

use dilqr_follower as follower;

dilqr_python::export!(follower, follower::Follower::new(follower::Friction::xavier(1)));
