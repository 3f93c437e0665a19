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
sd         number? [as prediction] root mean square error of held-out predictions of that compound, or of unseen compounds; more where the profile lacks values that matter
in_domain  boolean the profile has the model's genes, and the compound was clearly predicted when held out or is alike enough
abstain    boolean no claim is to be made of the prediction
reason     string  why; empty otherwise

# response_attributions | predict --attributions, of a response network
One marker that moved one prediction, in the order of the predictions, the strongest first; none of predictions on which the network abstains. All markers of a prediction (--top 0) sum to it less the prediction of the mean training profile, but for the error of an integral. Before these stand the two columns that name line and compound, as in the predictions.
depmap_id    string  line or patient, as named in the input
drug_name    string  compound, likewise
block        string  block of the profile {mutation, copy_number, burden, expression, covariates}
marker       string  gene, or covariate and its level, as tissue=lung
value        number  what the profile has, after diffusion where the network was trained with it; of a covariate 1 or 0
contribution number  [unit of the label] signed contribution to the prediction (integrated gradients from the mean training profile); negative is more sensitive

# response_anova | train response (anova.tsv)
One test of one marker with one compound over all training lines: response ~ tissue + marker, where the first covariate stands for tissue; smallest p first.
kind                 string  what the lines have: a mutation, more than 1.64 times or less than about half of the copies, a copy of a damaging allele {mutation, amplification, loss, burden}
marker               string  gene
compound             string  compound, as named in the table of responses
n_positive           integer lines with the marker
n_negative           integer lines without
effect               number  [unit of the label] difference of the two within tissues; negative is more sensitive
standard_error       number  [unit of the label] of the effect
f_statistic          number  of the marker given tissue, with 1 and degrees_of_freedom
degrees_of_freedom   integer of the residuals
p_value              number  of the F test
fdr                  number  Benjamini-Hochberg false discovery rate over all tests that were made
cohens_d             number? difference of the means over the pooled standard deviation, tissue left aside
glass_delta_positive number? the same over the standard deviation of the lines with the marker
glass_delta_negative number? the same over that of the lines without

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
prediction             number? [unit of the property] predicted value, or for a class its probability; null where the structure cannot be read, of its ligand where it is a metal's complex
lower                  number? [as prediction] lower bound of the interval, of 90% unless asked otherwise
upper                  number? [as prediction] upper bound
sd                     number? [as prediction] error expected of this molecule
in_domain              boolean the molecule is alike enough to the training molecules
abstain                boolean no claim is to be made of the prediction
reason                 string  why; empty otherwise
nearest_train_tanimoto number? similarity to the nearest training molecule (Tanimoto, Morgan 2)

# property_attributions | predict --attributions, of a property network
One atom that moved one prediction, in the order of the predictions, the strongest first; none of predictions on which the model abstains. Before these the column that names molecules, where one was asked for.
smiles       string   structure, as it stands in the input; the column has the name that it has there
endpoint     string   property
atom         integer  atom of the standardised structure, from 0
input_atom   integer? atom of the structure as given, from 0; missing where it cannot be followed
symbol       string   element
contribution number   [unit of the property] what the prediction loses when the atom is hidden: unknown to graphs, and in no counted environment; descriptors stay those of the whole molecule. Contributions need not sum to anything

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
by             string  what the molecules are binned by: similarity to the training, fold or scaffold
bin            string  the bin, or all; a scaffold by its SMILES
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
