"""The tables of response and property networks in words, as `varimol.schema_text` has the others."""

from __future__ import annotations

MODELS = """\
# response_predictions | predict, of a response network
One pair of a line or patient and a compound, in the input's order; the first two columns have the names and the order that they have there.
depmap_id  string  line or patient, as named in the input
drug_name  string  compound, likewise
prediction number? [unit of the label] predicted response; null where nothing can be scored
lower      number? [as prediction] lower bound of the interval, of 90% unless asked otherwise; -inf where too few pairs like it were held out
upper      number? [as prediction] upper bound, likewise inf
sd         number? [as prediction] root mean square error of held-out predictions of that compound, or of unseen compounds
in_domain  boolean the profile has the model's genes, and the compound was in training or is alike enough
abstain    boolean no claim is to be made of the prediction
reason     string  why; empty otherwise

# response_folds | train response (folds.tsv)
One out-of-fold prediction of one model.
setting    string  what was held out: lines, whole tissues, compounds with their scaffold in lines that were trained on, or both {line, tissue, compound, both}
model      string  response_model, one of its parts alone, or a plain model
fold       integer fold that was held out, from 1
seed       integer of the training
depmap_id  string  line or patient; the column has the name that the response table has for it
drug_name  string  compound, likewise
label      number  [unit of the label] measured response
prediction number  [unit of the label] predicted response

# response_metrics | train response (metrics.tsv)
One figure of one model on one fold.
setting string  what was held out {line, tissue, compound, both}
model   string  response_model, one of its parts alone, or a plain model
fold    integer fold that was held out; 0 for all folds together
seed    integer of the training
metric  string  residual_r (correlation per compound without the means of compound and line, averaged), ndcg10 (ranking of a line's compounds by how far they lie below their means), rmse, pearson (of all pairs, nearly all of it the compounds' means), and with _lower and _upper the 95% bounds of the first two over lines
value   number? its value; missing where it is not defined

# response_coverage | train response (coverage.tsv)
How many held-out responses the intervals held, those of each fold from the errors of the other folds.
setting        string  what was held out; line -> tissue: intervals of held-out lines, counted in held-out tissues
by             string  what the pairs are binned by {all, compound}
bin            string  the compound, or all
n              integer pairs in it
level          number  [share] coverage that was asked for
coverage       number  [share] pairs whose label the interval held
coverage_lower number  [share] lower end of its 95% interval (Clopper-Pearson)
coverage_upper number  [share] upper end
mean_width     number? [unit of the label] mean width of the finite intervals
median_width   number? [unit of the label] their median width
share_infinite number  [share] intervals with an infinite bound
warning        string  why the count is uncertain; empty otherwise"""
