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
warning        string  why the count is uncertain; empty otherwise

# property_predictions | predict, of a property network
One property of one molecule of the input, in the input's order; before these the column that names molecules, where one was asked for.
smiles                 string  structure, as it stands in the input; the column has the name that it has there
endpoint               string  property
prediction             number? [unit of the property] predicted value, or for a class its probability; null where the structure cannot be read
lower                  number? [as prediction] lower bound of the interval, of 90% unless asked otherwise
upper                  number? [as prediction] upper bound
sd                     number? [as prediction] error expected of this molecule
in_domain              boolean the molecule is alike enough to the training molecules
abstain                boolean no claim is to be made of the prediction
reason                 string  why; empty otherwise
nearest_train_tanimoto number? similarity to the nearest training molecule (Tanimoto, Morgan 2)

# property_folds | train property (folds.tsv)
One out-of-fold prediction of one model.
setting                string  what was held out {scaffold, random, given}
endpoint               string  property
fold                   integer fold that was held out, from 1
seed                   integer of the training
smiles                 string  standardised structure
label                  number  [unit of the property] measured value, or 0 or 1
nearest_train_tanimoto number  similarity to the nearest molecule that was trained on beside this fold
model                  string  blend, one of its parts, or a plain model
prediction             number  [unit of the property] predicted value, or probability

# property_metrics | train property (metrics.tsv)
One figure of one model on one fold.
setting  string  what was held out {scaffold, random, given}
endpoint string  property
model    string  blend, one of its parts, or a plain model
fold     integer fold that was held out; 0 for all folds together
seed     integer of the training
metric   string  rmse, mae and pearson of numbers; brier, log_loss, auroc and aupr of classes
value    number? its value; missing where it is not defined

# property_coverage | train property (coverage.tsv)
How many held-out labels the blend's intervals held, those of each fold calibrated on the other folds.
setting        string  what was held out {scaffold, random, given}
endpoint       string  property
by             string  what the molecules are binned by
bin            string  the bin, or all
n              integer molecules in it
level          number  [share] coverage that was asked for
coverage       number  [share] molecules whose label the interval held
coverage_lower number  [share] lower end of its 95% interval (Clopper-Pearson)
coverage_upper number  [share] upper end
mean_width     number? [unit of the property] mean width of the finite intervals
median_width   number? [unit of the property] their median width
share_infinite number  [share] intervals with an infinite bound
warning        string  why the count is uncertain; empty otherwise

# property_rejects | train property (rejects.tsv)
One row of the tables that was not used, or not for one label.
file   string  table
record integer line of the row, the header counted
smiles string  structure as given
label  string  label that was not used; empty where the whole row was not
reason string  why"""
