"""The lab: every real component that Argus works with, as plain processes under lab/run/."""
