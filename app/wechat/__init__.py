"""WeChat's server interface: who a mini-program's user is, and whether a text may be published."""
