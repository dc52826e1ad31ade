"""Behavioural tests: what a change of its input may do to a prediction, tried on rows and counted."""

from assay.evaluation.behaviour.declared import BehaviourTest, behaviour_test
from assay.evaluation.behaviour.examine import Examined, examine, rehearse
from assay.evaluation.behaviour.junit import junit

__all__ = ["BehaviourTest", "Examined", "behaviour_test", "examine", "junit", "rehearse"]
