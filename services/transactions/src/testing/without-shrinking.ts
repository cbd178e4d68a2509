import fc from 'fast-check';

// For mutation testing: that a property fails is all that is asked, not its smallest counterexample.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true });
